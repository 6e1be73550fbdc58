/// Puts the prebuilt llama.cpp that package-lock.json names into node_modules.
///
/// The packages are the platform binaries of node-llama-cpp (MIT): llama.cpp, ggml's CPU variants and a thin
/// Node addon. The npm package `node-llama-cpp` itself is not used: it would add 700 MB of GPU builds, and
/// JavaScript between the clock and llama.cpp.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { tail, UserError } from "./errors.mjs";
import { endOf, runProgram } from "./program.mjs";

const kFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const kPlatforms = ["linux-x64", "linux-arm64"];

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/// "linux-x64", or UserError where there is no package: other systems, and Linux without glibc.
export function platformName(platform = process.platform, arch = process.arch, glibc = glibcVersion()) {
  const name = `${platform}-${arch}`;
  if (!kPlatforms.includes(name) || glibc === null) {
    const found = kPlatforms.includes(name) ? `${name} without glibc` : name;
    throw new UserError(`platform: expected ${kPlatforms.join(" or ")} with glibc, found ${found}`);
  }
  return name;
}

function glibcVersion() {
  return process.report?.getReport().header.glibcVersionRuntime ?? null;
}

/// {folder, package, version, release}: where llama-addon.node and the libraries lie, and which llama.cpp it
/// is. Runs `npm ci` in this folder first if what package-lock.json names is not there.
/// Errors: UserError for an unsupported platform, a missing or failing npm, or a package without the addon.
export async function installLlamaCpp({ folder = kFolder, npm = "npm", onInstall = () => {} } = {}) {
  const platform = platformName();
  const name = `@node-llama-cpp/${platform}`;
  const manifest = path.join(folder, "node_modules", name, "package.json");
  const wanted = readJson(path.join(folder, "package-lock.json")).packages[`node_modules/${name}`].version;
  if (!existsSync(manifest) || readJson(manifest).version !== wanted) {
    onInstall(`installing ${name} ${wanted} with npm`);
    await npmCi(folder, npm);
  }
  const binaries = path.join(folder, "node_modules", name, "bins", platform);
  if (!existsSync(path.join(binaries, "llama-addon.node"))) {
    throw new UserError(
      `${binaries}: expected llama-addon.node, found none; remove node_modules and run this again`,
    );
  }
  const { llamaCpp } = readJson(path.join(binaries, "_nlcBuildMetadata.json")).buildOptions;
  return { folder: binaries, package: name, version: wanted, release: llamaCpp.release };
}

async function npmCi(folder, npm) {
  let result;
  try {
    result = await runProgram(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
  } catch (error) {
    throw new UserError(`npm: expected the program in PATH, found ${error.code ?? error.message}`);
  }
  if (result.code !== 0) {
    throw new UserError(
      `npm ci in ${folder}: expected exit code 0, found ${endOf(result)}: ${tail(result.stderr)}`,
    );
  }
}
