// Reads fields of a document that may be older, newer, cut or hostile. A field of the wrong kind counts as absent
// and is remembered as a problem with its path; nothing is guessed.

const kindOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

export class Fields {
  constructor(value, path, problems) {
    this.path = path;
    this.problems = problems;
    this.value = kindOf(value) === 'object' ? value : {};
    if (value !== undefined && value !== null && kindOf(value) !== 'object') this.#wrong(path, 'an object', value);
  }

  #wrong(path, expected, found) {
    this.problems.push(`${path}: expected ${expected}, found ${kindOf(found)}`);
  }

  #typed(key, expected, fits) {
    const found = Object.hasOwn(this.value, key) ? this.value[key] : undefined;
    if (found === undefined || found === null) return null;
    if (fits(found)) return found;
    this.#wrong(`${this.path}.${key}`, expected, found);
    return null;
  }

  has(key) {
    return Object.hasOwn(this.value, key) && this.value[key] !== null;
  }

  /** Says so when a field that every document has is not there. */
  require(...keys) {
    for (const key of keys) {
      if (!Object.hasOwn(this.value, key)) this.problems.push(`${this.path}.${key}: missing`);
    }
  }

  text(key) {
    return this.#typed(key, 'a string', (found) => typeof found === 'string');
  }

  number(key) {
    return this.#typed(key, 'a number', (found) => typeof found === 'number' && Number.isFinite(found));
  }

  flag(key) {
    return this.#typed(key, 'true or false', (found) => typeof found === 'boolean');
  }

  list(key) {
    return this.#typed(key, 'an array', Array.isArray) ?? [];
  }

  numbers(key) {
    const found = this.list(key);
    const good = found.filter((value) => typeof value === 'number' && Number.isFinite(value));
    if (good.length < found.length) this.problems.push(`${this.path}.${key}: ${found.length - good.length} entries are no numbers`);
    return good;
  }

  texts(key) {
    return this.list(key).filter((value) => typeof value === 'string');
  }

  /** A pair of numbers, or null. */
  interval(key) {
    const found = this.#typed(key, 'two numbers', (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite));
    return found && found[0] <= found[1] ? found : null;
  }

  object(key) {
    return new Fields(this.value[key], `${this.path}.${key}`, this.problems);
  }

  objects(key) {
    return this.list(key).map((item, i) => new Fields(item, `${this.path}.${key}[${i}]`, this.problems));
  }
}
