#!/usr/bin/env python3
"""Writes engine/tests/goldens/chat_templates.jsonl: random conversations, as Jinja renders them.

Usage: chat_templates.py NAME=FILE.jinja... >engine/tests/goldens/chat_templates.jsonl

NAME is a name of engine/text/chat_template.h. Templates run as Hugging Face's apply_chat_template runs them.
Needs Debian's python3-jinja2. A conversation that a template refuses is left out.
"""
import json
import random
import sys

import jinja2
import jinja2.sandbox

TOOLS = [
    {"type": "function",
     "function": {"name": "get_weather", "description": "Wetter <heute> & morgen, größer",
                  "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                                 "required": ["city"]}}},
    {"function": {"name": "f",
                  "x": [1, 2.0, 1e16, 1e-5, -0.5, 123456789.25, True, None, "\n\"\\\u0007\x7f", [], {}]}},
]
TEXTS = ["", "a", "b c", "\n\nx\n", " padded\t", "世界 \u2028", "<tool_response>r</tool_response>",
         "<tool_response> begun", "<think>\nhmm\n</think>\n\nanswer", "<think>a</think>b</think>c",
         "no</think>\nyes", "<think>only", "\u00a0trim\u3000"]
ARGUMENTS = [{"city": "Oslo"}, {}, {"n": 10, "x": 0.1, "y": [1, {"z": None}]}]


def conversation(rng):
    messages = []
    if rng.random() < 0.4:
        messages.append({"role": "system", "content": rng.choice(["", "Be terse.", "zwei\nZeilen\n"])})
    for _ in range(rng.randint(1, 6)):
        role = rng.choice(["user", "user", "assistant", "assistant", "tool", "system"])
        message = {"role": role, "content": rng.choice(TEXTS)}
        if role == "assistant":
            if rng.random() < 0.3:
                message["reasoning_content"] = rng.choice(["why", "\nbecause\n\n"])
            if rng.random() < 0.4:
                message["tool_calls"] = [{"type": "function", "function": {"name": "f", "arguments": a}}
                                         for a in rng.sample(ARGUMENTS, rng.randint(1, 2))]
        messages.append(message)
    options = {"add_generation_prompt": rng.random() < 0.7}
    if rng.random() < 0.5:
        options["enable_thinking"] = rng.random() < 0.5
    if rng.random() < 0.3:
        options["tools"] = TOOLS[:rng.randint(1, 2)]
    return messages, options


def main():
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        with open(path, encoding="utf-8", newline="") as file:
            template = environment.from_string(file.read())
        rng = random.Random(name)
        for _ in range(14):
            messages, options = conversation(rng)
            try:
                rendered = template.render(messages=messages, bos_token="<|begin_of_text|>", **options)
            except (jinja2.TemplateError, TypeError):
                continue
            print(json.dumps({"template": name, "messages": messages, "options": options,
                              "rendered": rendered}))


if __name__ == "__main__":
    main()
