-- Asks for one session after another. Arguments: how many requests went before, how many sessions there are, and how many of
-- them are asked for. All of them come in an order without a pattern, each once before any comes again; fewer come in turn. The
-- arithmetic is that of sessions_test.go, within what a double holds exactly.
local counter, sessions, asked, head
local random, size = 0, 1

local function next_session()
  counter = counter + 1
  if asked < sessions then
    return counter % asked * 982451653 % sessions + 1
  end
  repeat -- all numbers below size, a power of two, come once (Hull and Dobell)
    random = (random * 1664525 + 1013904223) % size
  until random < sessions
  return random + 1
end

function init(args)
  local before = tonumber(args[1])
  counter, sessions, asked = 0, tonumber(args[2]), tonumber(args[3])
  while size < sessions do size = size * 2 end
  for _ = 1, before do next_session() end
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nCookie: sessionid="
end

local format = string.format

function request()
  local place = next_session() * 611953 % 1000003
  return head .. format("%09d%09d\r\n\r\n", 100000000 + place * 899, place * 104729 % 1000000000)
end

function done(summary, latency)
  local e = summary.errors
  io.write(format("measured requests=%d microseconds=%d p50=%d p99=%d bad_status=%d broken=%d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
