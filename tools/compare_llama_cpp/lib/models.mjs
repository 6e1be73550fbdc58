/// From what the user names to GGUF files, one for each precision.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { UserError } from "./errors.mjs";
import { readGgufHeader } from "./gguf_header.mjs";

const kDefaultPrecisions = ["f32", "bf16", "int8", "int4"];

/// "gguf", "folder" or "synthetic". Errors: UserError where there is no such model.
export function kindOf(model) {
  if (model.startsWith("synthetic:")) {
    return "synthetic";
  }
  const found = statSync(model, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new UserError(
      `${model}: expected a .gguf file, a Hugging Face folder or synthetic:NAME, found nothing there`,
    );
  }
  if (!found.isDirectory()) {
    return "gguf";
  }
  if (!existsSync(path.join(model, "config.json"))) {
    throw new UserError(`${model}: expected a Hugging Face folder, found no config.json in it`);
  }
  return "folder";
}

/// Where written files lie, and which of them may be used again.
export class GgufFolder {
  constructor(cache) {
    this.temporary = cache === undefined;
    this.folder = cache ?? mkdtempSync(path.join(os.tmpdir(), "compare_llama_cpp-"));
    mkdirSync(this.folder, { recursive: true });
  }
  remove() {
    if (this.temporary) {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
  /// The file, and whether it is there and younger than everything it was made from.
  lookUp(name, sources) {
    const file = path.join(this.folder, name);
    const written = statSync(file, { throwIfNoEntry: false });
    return {
      file,
      fresh: written !== undefined && sources.every((source) => newest(source) < written.mtimeMs),
    };
  }
}

function newest(source) {
  const found = statSync(source, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory()) {
    return found?.mtimeMs ?? 0;
  }
  return Math.max(...readdirSync(source).map((name) => statSync(path.join(source, name)).mtimeMs));
}

/// A name for rows and files: the folder's or file's own.
function labelOf(model, kind) {
  return kind === "synthetic"
    ? model.slice("synthetic:".length)
    : path.basename(path.resolve(model), ".gguf");
}

/// Equal for equal models only: two folders may have one name.
function fileNameOf(model, kind, precision) {
  const identity = kind === "synthetic" ? model : path.resolve(model);
  const digest = createHash("sha256").update(identity).digest("hex").slice(0, 8);
  return `${labelOf(model, kind)}-${digest}-${precision}.gguf`;
}

/// What `make` returns, or {problem} where it throws a UserError.
async function orProblem(make) {
  try {
    return await make();
  } catch (error) {
    if (error instanceof UserError) {
      return { problem: error.message };
    }
    throw error;
  }
}

/// Yields {label, precision, file, header} for each precision of each model, writing files as they are
/// needed, so that a large model's files are not all written before the first row; {label, precision, problem}
/// where reprise refuses to write one. Precision of a .gguf file taken as it is: the type of most of its weights.
/// Errors: UserError of a missing model, before anything is written.
export async function* ggufFiles({ models, precisions, reprise, folder, onProgress = () => {} }) {
  const kinds = models.map(kindOf);
  for (const [i, model] of models.entries()) {
    const label = labelOf(model, kinds[i]);
    if (kinds[i] === "gguf" && precisions === undefined) {
      const made = await orProblem(() => ({ file: path.resolve(model), header: readGgufHeader(model) }));
      yield { label, precision: made.header?.weightType ?? "?", ...made };
      continue;
    }
    for (const precision of precisions ?? kDefaultPrecisions) {
      const sources = kinds[i] === "synthetic" ? [reprise.program] : [reprise.program, model];
      const { file, fresh } = folder.lookUp(fileNameOf(model, kinds[i], precision), sources);
      const made = await orProblem(async () => {
        if (!fresh) {
          onProgress(`writing ${label} in ${precision}`);
          await reprise.writeGguf(model, file, precision);
        }
        return { file, header: readGgufHeader(file) };
      });
      yield { label, precision, ...made };
      if (folder.temporary) {
        rmSync(file, { force: true });
      }
    }
  }
}
