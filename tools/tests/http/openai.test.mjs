// `reprise serve` as the client library that people use sees it.
//   REPRISE=build/release/bin/reprise npm test
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import OpenAI from 'openai';

const program = process.env.REPRISE ?? new URL('../../../build/release/bin/reprise', import.meta.url).pathname;
const key = 'a-key-of-the-test';
let folder;
let server;
let client;
let address;

/** Starts the server, and waits until it tells its address. */
async function start(...flags) {
  const child = spawn(program, ['serve', 'synthetic:qwen3-tiny', '--port', '0', '--threads', '2', ...flags], {stdio: ['ignore', 'ignore', 'pipe']});
  let text = '';
  for await (const part of child.stderr) {
    text += part;
    const found = /http:\/\/127\.0\.0\.1:\d+\/v1/.exec(text);
    if (found) return {child, address: found[0]};
  }
  throw new Error(`the server ended: ${text}`);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reprise-http-'));
  await writeFile(join(folder, 'key'), `${key}\n`);
  const started = await start('--chat-template', 'qwen3', '--api-key-file', join(folder, 'key'), '--context', '1024');
  server = started.child;
  address = started.address;
  client = new OpenAI({baseURL: address, apiKey: key, maxRetries: 0});
});

after(async () => {
  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  await rm(folder, {recursive: true});
  assert.equal(code, 0, 'SIGTERM ends the server in an orderly way');
});

const chat = {model: 'any', messages: [{role: 'user', content: 'Say something.'}], max_tokens: 24, seed: 11, temperature: 1.5};

test('models are listed', async () => {
  const models = await client.models.list();
  assert.deepEqual(models.data.map(({id}) => id), ['qwen3-tiny']);
  assert.equal((await client.models.retrieve('qwen3-tiny')).owned_by, 'reprise');
});

test('a chat is answered, the same each time for a seed', async () => {
  const answer = await client.chat.completions.create(chat);
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(answer.usage.completion_tokens, 24);
  const again = await client.chat.completions.create(chat);
  assert.deepEqual(again.choices, answer.choices);
  assert.ok(again.usage.prompt_tokens_details.cached_tokens > 0);
});

test('a stream says what the whole answer says', async () => {
  const whole = await client.chat.completions.create(chat);
  const stream = await client.chat.completions.create({...chat, stream: true, stream_options: {include_usage: true}});
  let content = '';
  let reason = null;
  let usage = null;
  for await (const chunk of stream) {
    content += chunk.choices[0]?.delta.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.equal(content, whole.choices[0].message.content);
  assert.equal(reason, whole.choices[0].finish_reason);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);
});

test('the stream helper of the library finds the same message', async () => {
  const whole = await client.chat.completions.create(chat);
  const final = await client.chat.completions.stream(chat).finalChatCompletion();
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
});

test('a text is completed, with log-probabilities', async () => {
  const answer = await client.completions.create({model: 'any', prompt: 'Once', max_tokens: 8, logprobs: 2, temperature: 0});
  assert.equal(answer.choices[0].finish_reason, 'length');
  assert.equal(answer.choices[0].logprobs.tokens.length, 8);
});

test('errors are those of the library', async () => {
  await assert.rejects(client.chat.completions.create({...chat, n: 3}), (error) =>
    error instanceof OpenAI.BadRequestError && error.param === 'n' && /expected 1/.test(error.message));
  await assert.rejects(client.chat.completions.create({...chat, messages: [{role: 'user', content: 'x'.repeat(2000)}]}), (error) =>
    error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded');
  const stranger = new OpenAI({baseURL: address, apiKey: 'wrong', maxRetries: 0});
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
});

test('a client that aborts its stream leaves the server idle', async () => {
  const stream = await client.chat.completions.create({...chat, max_tokens: 900, stream: true});
  for await (const _ of stream) {
    stream.controller.abort();
    break;
  }
  for (;;) {
    const health = await (await fetch(address.replace('/v1', '/health'))).json();
    if (health.busy === 0) break;
  }
  assert.equal((await client.chat.completions.create({...chat, max_tokens: 2})).usage.completion_tokens, 2);
});

test('32 clients at once each get their own answer', async () => {
  const ask = (i) => client.completions.create({model: 'any', prompt: `client ${i}`, max_tokens: 12, temperature: 2, seed: i});
  const alone = [];
  for (let i = 0; i < 32; i += 1) alone.push((await ask(i)).choices[0].text);
  const together = await Promise.all(alone.map((_, i) => ask(i)));
  assert.deepEqual(together.map(({choices}) => choices[0].text), alone);
});

test('a line that is full says when to come again', async () => {
  const {child, address: busy} = await start('--queue', '0', '--context', '1024');
  const impatient = new OpenAI({baseURL: busy, apiKey: 'none', maxRetries: 0});
  const long = await impatient.completions.create({model: 'any', prompt: 'x', max_tokens: 1000, stream: true, temperature: 2});
  const first = long[Symbol.asyncIterator]();
  await first.next();
  await assert.rejects(impatient.completions.create({model: 'any', prompt: 'y', max_tokens: 1}), (error) =>
    error instanceof OpenAI.RateLimitError && error.headers.get('retry-after') === '1');
  long.controller.abort();
  child.kill('SIGTERM');
  await once(child, 'exit');
});
