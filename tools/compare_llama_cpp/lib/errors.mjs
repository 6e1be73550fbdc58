/// What the user can mend: one line on standard error, exit code 4.
export class UserError extends Error {}

/// Exit codes, those of the `reprise` program.
export const kPass = 0;
export const kOutputsDiffer = 3;
export const kUsageOrEnvironment = 4;

/// The last few lines of what a program printed, as one line.
export function tail(text, nLines = 3) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .slice(-nLines)
    .join("; ");
}
