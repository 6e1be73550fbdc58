// Command lines that perform a row again. Names come from reports, so every argument is quoted for a POSIX shell:
// a pasted line must do what it shows and nothing else.

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One argument. Control characters have no readable form in plain quotes; $'...' names them. */
export function quoted(argument) {
  const text = String(argument);
  if (PLAIN.test(text)) return text;
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(text)) {
    const escaped = Array.from(text, (character) => {
      const code = character.codePointAt(0);
      if (character === "'" || character === '\\') return `\\${character}`;
      const hidden = code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069);
      return hidden ? `\\u${code.toString(16).padStart(4, '0')}` : character;
    });
    return `$'${escaped.join('')}'`;
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A file of that name: one that begins with a dash must not be read as a flag. */
function captureFile(name) {
  const file = name.endsWith('.safetensors') ? name : `${name}.safetensors`;
  return quoted(file.startsWith('-') ? `./${file}` : file);
}

const FLAGS = [
  ['--backend', 'backend'],
  ['--isa', 'isa'],
  ['--precision', 'precision'],
  ['--kv-cache', 'kv_cache'],
  ['--kv-precision', 'kv_precision'],
  ['--threads', 'threads'],
  ['--numerics', 'numerics'],
];

/** The flags of a placement; what the report does not say is left to the program's default. */
export function placementFlags(placement) {
  return FLAGS.filter(([, key]) => placement[key] !== null && placement[key] !== undefined)
    .map(([flag, key]) => {
      const value = placement[key];
      // A model of several formats has a precision such as f32+int8, which is what "native" gives again.
      if (key === 'precision' && String(value).includes('+')) return `${flag} native`;
      return `${flag} ${typeof value === 'boolean' ? (value ? 'on' : 'off') : quoted(value)}`;
    })
    .join(' ');
}

export function replayCommand(row) {
  const name = row.capture.name;
  const parts = ['reprise replay', name === null ? 'CAPTURE.safetensors' : captureFile(name), placementFlags(row.placement)];
  if (row.verification.mode === 'forced') parts.push('--forced');
  return parts.filter(Boolean).join(' ');
}

export function profileCommand(row) {
  return replayCommand(row).replace('reprise replay', 'reprise profile');
}
