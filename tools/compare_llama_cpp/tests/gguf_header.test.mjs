import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { readGgufHeader } from "../lib/gguf_header.mjs";
import { ggufHeader, temporaryFolder } from "./support.mjs";

const folder = temporaryFolder();

function fileOf(bytes) {
  const file = path.join(folder, "model.gguf");
  writeFileSync(file, bytes);
  return file;
}

test("architecture, vocabulary, context and the type of most weights", () => {
  const header = readGgufHeader(fileOf(ggufHeader({ nVocab: 300, nContext: 77, layerType: 8 })));
  assert.deepEqual(header, { architecture: "qwen3", nVocab: 300, nContext: 77, weightType: "Q8_0" });
});

test("a header longer than the first read", () => {
  const tokens = Array.from({ length: 150000 }, (_, i) => `a rather long token ${i}`);
  assert.equal(readGgufHeader(fileOf(ggufHeader({ tokens, nVocab: 9 }))).nVocab, 9);
});

test("any truncated header is refused", () => {
  const bytes = ggufHeader();
  for (let length = 4; length < bytes.length; ++length) {
    assert.throws(
      () => readGgufHeader(fileOf(bytes.subarray(0, length))),
      /found the file's end$/,
      `${length} bytes`,
    );
  }
});

test("lengths that no file can hold are refused", () => {
  const bytes = ggufHeader();
  bytes.writeBigUInt64LE(2n ** 63n, 24); // of the first key
  assert.throws(() => readGgufHeader(fileOf(bytes)), /found the file's end$/);
});

test("other files are refused by what is wrong", () => {
  assert.throws(() => readGgufHeader(fileOf(Buffer.from("PK"))), /model.gguf: expected a GGUF file/);
  assert.throws(() => readGgufHeader(fileOf(Buffer.alloc(0))), /expected a GGUF file/);
  assert.throws(
    () => readGgufHeader(fileOf(ggufHeader({ version: 9 }))),
    /expected GGUF version 2 or 3, found 9/,
  );
  assert.throws(
    () => readGgufHeader(fileOf(ggufHeader({ embedding: "other" }))),
    /token_embd.weight: expected/,
  );
});
