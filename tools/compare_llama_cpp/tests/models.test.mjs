import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { GgufFolder, ggufFiles, kindOf } from "../lib/models.mjs";
import { ggufHeader, temporaryFolder } from "./support.mjs";

const root = temporaryFolder();
const program = path.join(root, "reprise");
const gguf = path.join(root, "tiny.gguf");
const model = path.join(root, "Tiny-HF");
mkdirSync(model);
for (const [file, bytes] of [
  [program, ""],
  [gguf, ggufHeader({ layerType: 2 })],
  [path.join(model, "config.json"), "{}"],
]) {
  writeFileSync(file, bytes);
  utimesSync(file, 1000, 1000);
}

function fakeReprise() {
  const written = [];
  return {
    written,
    program,
    writeGguf: async (source, out, precision) => {
      written.push(`${source} ${precision}`);
      writeFileSync(out, ggufHeader());
    },
  };
}

async function collect(options) {
  const rows = [];
  for await (const row of ggufFiles(options)) {
    assert.ok(existsSync(row.file));
    rows.push(row);
  }
  return rows;
}

test("models that are not there are refused", () => {
  assert.throws(
    () => kindOf(path.join(root, "nothing")),
    /nothing: expected a .gguf file, .* found nothing there$/,
  );
  assert.throws(() => kindOf(root), /expected a Hugging Face folder, found no config.json in it$/);
  assert.equal(kindOf("synthetic:x"), "synthetic");
});

test("a missing model is refused before anything is written", async () => {
  const reprise = fakeReprise();
  const folder = new GgufFolder();
  await assert.rejects(collect({ models: [model, "nowhere"], reprise, folder }), /nowhere: expected/);
  assert.deepEqual(reprise.written, []);
  folder.remove();
});

test("a GGUF file is taken as it is unless precisions are given", async () => {
  const reprise = fakeReprise();
  const folder = new GgufFolder();
  const [row] = await collect({ models: [gguf], reprise, folder });
  assert.equal(row.file, gguf);
  assert.equal(row.label, "tiny");
  assert.equal(row.precision, "Q4_0");
  assert.deepEqual(reprise.written, []);
  await collect({ models: [gguf], precisions: ["int8"], reprise, folder });
  assert.deepEqual(reprise.written, [`${gguf} int8`]);
  folder.remove();
  assert.ok(existsSync(gguf));
});

test("a temporary folder holds one file at a time, and goes", async () => {
  const reprise = fakeReprise();
  const folder = new GgufFolder();
  for await (const { label, precision } of ggufFiles({
    models: ["synthetic:small", model],
    precisions: ["f32", "int4"],
    reprise,
    folder,
  })) {
    assert.ok(["small f32", "small int4", "Tiny-HF f32", "Tiny-HF int4"].includes(`${label} ${precision}`));
    assert.equal(readdirSync(folder.folder).length, 1);
  }
  assert.deepEqual(reprise.written, [
    "synthetic:small f32",
    "synthetic:small int4",
    `${model} f32`,
    `${model} int4`,
  ]);
  folder.remove();
  assert.ok(!existsSync(folder.folder));
});

test("a kept file is used again until its model or reprise changes", async () => {
  const reprise = fakeReprise();
  const cache = path.join(root, "cache");
  const run = () => collect({ models: [model], precisions: ["f32"], reprise, folder: new GgufFolder(cache) });
  await run();
  await run();
  assert.equal(reprise.written.length, 1);
  const soon = Date.now() / 1000 + 100;
  utimesSync(path.join(model, "config.json"), soon, soon);
  await run();
  assert.equal(reprise.written.length, 2);
  utimesSync(path.join(model, "config.json"), 1000, 1000);
  utimesSync(program, soon, soon);
  await run();
  assert.equal(reprise.written.length, 3);
});

test("two folders of one name have files of their own", async () => {
  const twin = path.join(root, "elsewhere", "Tiny-HF");
  mkdirSync(twin, { recursive: true });
  writeFileSync(path.join(twin, "config.json"), "{}");
  const folder = new GgufFolder(path.join(root, "twins"));
  const rows = await collect({ models: [model, twin], precisions: ["f32"], reprise: fakeReprise(), folder });
  assert.notEqual(rows[0].file, rows[1].file);
});
