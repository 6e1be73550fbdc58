import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { installLlamaCpp, platformName } from "../lib/install.mjs";
import { temporaryFolder, writeProgram } from "./support.mjs";

const root = temporaryFolder();
const name = `@node-llama-cpp/${process.platform}-${process.arch}`;
const supported = { skip: process.platform !== "linux" ? "needs Linux" : false };

function packageFolder() {
  const folder = mkdtempSync(path.join(root, "package-"));
  const lock = { packages: { [`node_modules/${name}`]: { version: "1.2.3" } } };
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
  return folder;
}

/// What npm would unpack.
function unpack(folder, version = "1.2.3") {
  const bins = path.join(folder, "node_modules", name, "bins", `${process.platform}-${process.arch}`);
  mkdirSync(bins, { recursive: true });
  writeFileSync(path.join(folder, "node_modules", name, "package.json"), JSON.stringify({ version }));
  writeFileSync(path.join(bins, "llama-addon.node"), "");
  writeFileSync(
    path.join(bins, "_nlcBuildMetadata.json"),
    '{"buildOptions": {"llamaCpp": {"release": "b1"}}}',
  );
  return bins;
}

test("platforms without a package are refused", () => {
  assert.equal(platformName("linux", "x64", "2.36"), "linux-x64");
  assert.throws(() => platformName("darwin", "arm64", null), /platform: expected .* found darwin-arm64$/);
  assert.throws(() => platformName("linux", "x64", null), /found linux-x64 without glibc$/);
});

test("what is installed is left alone", supported, async () => {
  const folder = packageFolder();
  const bins = unpack(folder);
  const found = await installLlamaCpp({ folder, npm: "no-such-npm" });
  assert.deepEqual(found, { folder: bins, package: name, version: "1.2.3", release: "b1" });
});

test("a missing npm is told", supported, async () => {
  await assert.rejects(
    installLlamaCpp({ folder: packageFolder(), npm: "no-such-npm" }),
    /npm: expected the program in PATH, found ENOENT$/,
  );
});

test("a failing npm is told, with its last words", supported, async () => {
  const npm = writeProgram(
    path.join(root, "failing-npm"),
    "#!/bin/sh\necho 'npm error network gone' >&2\nexit 7\n",
  );
  await assert.rejects(
    installLlamaCpp({ folder: packageFolder(), npm }),
    /npm ci in .*: expected exit code 0, found exit code 7: npm error network gone$/,
  );
});

test("another version is replaced, without running anybody's scripts", supported, async () => {
  const folder = packageFolder();
  unpack(folder, "1.0.0");
  const npm = writeProgram(
    path.join(root, "fake-npm"),
    `#!/bin/sh
echo "$@" > called
echo '{"version": "1.2.3"}' > node_modules/${name}/package.json
`,
  );
  const said = [];
  const found = await installLlamaCpp({ folder, npm, onInstall: (text) => said.push(text) });
  assert.equal(found.version, "1.2.3");
  assert.deepEqual(said, [`installing ${name} 1.2.3 with npm`]);
  assert.match(readFileSync(path.join(folder, "called"), "utf8"), /^ci --ignore-scripts/);
});

test("an npm that installs nothing is told", supported, async () => {
  const npm = writeProgram(path.join(root, "idle-npm"), "#!/bin/sh\n");
  await assert.rejects(
    installLlamaCpp({ folder: packageFolder(), npm }),
    /expected llama-addon.node, found none/,
  );
});

test("the lock file names no registry and no folder of this machine", () => {
  const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
  for (const [place, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, place);
    assert.ok(place === "" || entry.integrity.startsWith("sha512-"), place);
  }
});
