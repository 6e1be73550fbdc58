/// Runs a program to its end.
import { spawn } from "node:child_process";

/// Resolves to {code, signal, stdout, stderr}; rejects if the program cannot be started. The child is ended
/// together with this process's terminal group, as any child of a shell's foreground job.
export function runProgram(program, args, { input, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["pipe", "pipe", "pipe"] });
    const stdout = [];
    const stderr = [];
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    child.stdin.on("error", () => {}); // a program that ends without reading is judged by its exit code
    child.stdin.end(input);
  });
}

/// "exit code 4" or "signal SIGKILL".
export function endOf({ code, signal }) {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
