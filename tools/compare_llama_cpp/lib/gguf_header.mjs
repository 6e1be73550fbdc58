/// Reads what this tool needs from a GGUF file's header: enough to choose prompt ids and to name a row. Not a
/// validator: both engines read the file themselves.
/// Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

import { UserError } from "./errors.mjs";

const kScalarBytes = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8]; // indexed by value type
const kUint32 = 4;
const kString = 8;
const kArray = 9;
const kTensorTypes = {
  0: "f32",
  1: "f16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  30: "bf16",
};
const kFirstRead = 1 << 20;

class TooShort extends Error {}

class Cursor {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  skip(n) {
    if (n > this.bytes.length - this.at) {
      throw new TooShort();
    }
    this.at += n;
    return this.at - n;
  }
  u32() {
    return this.bytes.readUInt32LE(this.skip(4));
  }
  u64() {
    return Number(this.bytes.readBigUInt64LE(this.skip(8)));
  }
  string() {
    const n = this.u64();
    const at = this.skip(n);
    return this.bytes.toString("utf8", at, at + n);
  }
  /// The value where it is a string or a u32, undefined for what nobody here asks for.
  value(type, file) {
    if (type === kString) {
      return this.string();
    }
    if (type === kUint32) {
      return this.u32();
    }
    if (type === kArray) {
      return this.array(file);
    }
    if (kScalarBytes[type] === undefined) {
      throw new UserError(`${file}: metadata: expected a value type up to 12, found ${type}`);
    }
    this.skip(kScalarBytes[type]);
    return undefined;
  }
  array(file) {
    const type = this.u32();
    const n = this.u64();
    if (kScalarBytes[type] !== undefined) {
      this.skip(kScalarBytes[type] * n);
      return undefined;
    }
    for (let i = 0; i < n; ++i) {
      this.value(type, file);
    }
    return undefined;
  }
}

function parse(bytes, file) {
  const cursor = new Cursor(bytes);
  if (bytes.length < 4 || bytes.toString("latin1", 0, 4) !== "GGUF") {
    throw new UserError(`${file}: expected a GGUF file, found other first bytes`);
  }
  cursor.skip(4);
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    throw new UserError(`${file}: expected GGUF version 2 or 3, found ${version}`);
  }
  const nTensors = cursor.u64();
  const nPairs = cursor.u64();
  const metadata = new Map();
  for (let i = 0; i < nPairs; ++i) {
    const key = cursor.string();
    metadata.set(key, cursor.value(cursor.u32(), file));
  }
  const tensors = [];
  for (let i = 0; i < nTensors; ++i) {
    const name = cursor.string();
    const shape = Array.from({ length: cursor.u32() }, () => cursor.u64());
    tensors.push({ name, shape, type: cursor.u32() });
    cursor.skip(8);
  }
  return { metadata, tensors };
}

/// Parses longer and longer beginnings of the file, since nothing says where its header ends.
function parsePrefix(file) {
  const descriptor = openSync(file, "r");
  try {
    const size = fstatSync(descriptor).size;
    for (let length = Math.min(kFirstRead, size); ; length = Math.min(length * 4, size)) {
      const bytes = Buffer.alloc(length);
      const nRead = readSync(descriptor, bytes, 0, length, 0);
      try {
        return parse(bytes.subarray(0, nRead), file);
      } catch (error) {
        if (!(error instanceof TooShort)) {
          throw error;
        }
        if (length === size) {
          throw new UserError(`${file}: expected a whole GGUF header, found the file's end`);
        }
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/// The type that most weights of the layers' matrices have.
function dominantType(tensors) {
  const elements = new Map();
  for (const { name, shape, type } of tensors) {
    if (name.startsWith("blk.") && shape.length === 2) {
      elements.set(type, (elements.get(type) ?? 0) + shape[0] * shape[1]);
    }
  }
  const largest = [...elements].sort((a, b) => b[1] - a[1])[0];
  return largest === undefined ? "unknown" : (kTensorTypes[largest[0]] ?? `type ${largest[0]}`);
}

/// {architecture, nVocab, nContext (undefined: not said), weightType} of the GGUF file at `file`.
/// Errors: UserError naming the file and what is wrong with it; those of opening a file.
export function readGgufHeader(file) {
  const { metadata, tensors } = parsePrefix(file);
  const embedding = tensors.find((tensor) => tensor.name === "token_embd.weight");
  if (embedding === undefined || embedding.shape.length !== 2) {
    throw new UserError(`${file}: token_embd.weight: expected a matrix of this name, found none`);
  }
  const architecture = metadata.get("general.architecture");
  return {
    architecture,
    nVocab: embedding.shape[1],
    nContext: metadata.get(`${architecture}.context_length`),
    weightType: dominantType(tensors),
  };
}
