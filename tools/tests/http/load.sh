#!/usr/bin/env bash
# Puts `reprise serve` under load: 32 connections of wrk for three seconds, then asks whether anything was lost.
#   load.sh PROGRAM
set -euo pipefail
program=$1
folder=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$folder"' EXIT

"$program" serve synthetic:qwen3-tiny --port 0 --context 128 --queue 64 2>"$folder/log" &
server=$!
until address=$(grep -o 'http://127[^/]*' "$folder/log"); do
  kill -0 $server || { cat "$folder/log" >&2; exit 1; }
  sleep 0.05
done

cat >"$folder/ask.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local n = 0
request = function()
  n = n + 1
  -- Every fifth is garbage.
  if n % 5 == 0 then return wrk.format(nil, "/v1/completions", nil, '{"prompt": ') end
  return wrk.format(nil, "/v1/completions", nil, '{"prompt": "load ' .. n % 7 .. '", "max_tokens": 8, "temperature": 0}')
end
LUA
wrk -t2 -c32 -d3s --timeout 30s -s "$folder/ask.lua" "$address/v1/completions" >"$folder/wrk"
cat "$folder/wrk"

metrics=$(curl -sS "$address/metrics")
echo "$metrics" | grep -E '^reprise_(requests_total|requests_waiting|slots_busy|cancelled_total|generated_tokens_total)'
count() { echo "$metrics" | sed -n "s/.*completions\",status=\"$1\"} //p" | grep . || echo 0; }
good=$(count 200)
bad=$(count 400)
others=$(echo "$metrics" | grep 'endpoint="/v1/completions"' | grep -vcE 'status="(200|400|499)"' || true)
! grep -q 'Socket errors' "$folder/wrk" || { echo "load: connections failed" >&2; exit 1; }
((others == 0)) || { echo "load: other answers than 200 and 400" >&2; exit 1; }
# How many depends on the machine.
((good > 0 && bad > 0)) || { echo "load: expected answers of both kinds, found $good and $bad" >&2; exit 1; }

# wrk hangs up in the middle of its last requests: their slots come back.
for _ in $(seq 100); do
  health=$(curl -sS "$address/health")
  [[ $health == *'"busy":0,"waiting":0'* ]] && break
  sleep 0.05
done
[[ $health == *'"busy":0,"waiting":0'* ]] || { echo "load: a slot leaked: $health" >&2; exit 1; }
kill -TERM $server
wait $server
echo "load: $good answers, $bad refusals, no slot leaked"
