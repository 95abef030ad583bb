-- Asks for a session of a warm set with a probability, else for one that was never asked for. Arguments: how many sessions
-- there are; how many of them differ in more than their block; the size of the warm set; the probability; and how many others
-- were asked for before. The warm set are the first sessions of the order in which the others come. That order has no
-- pattern, and each session comes once before any comes again. The arithmetic is that of curveKey, within what a double
-- holds exactly.
local sessions, base, chance, head
local random, size, turn = 0, 1, 0
local warm = {}
local format, floor, dice = string.format, math.floor, math.random

local function next_session()
  repeat -- all numbers below size, a power of two, come once (Hull and Dobell)
    random = (random * 1664525 + 1013904223) % size
  until random < sessions
  local place = (random % base + 1) * 611953 % 1000003
  return head .. format("%09d%09d\r\n\r\n", 100000000 + place * 899 + floor(random / base), place * 104729 % 1000000000)
end

function init(args)
  sessions, base, chance = tonumber(args[1]), tonumber(args[2]), tonumber(args[4])
  while size < sessions do size = size * 2 end
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nCookie: sessionid="
  for i = 1, tonumber(args[3]) do warm[i] = next_session() end
  for _ = 1, tonumber(args[5]) do next_session() end
end

function request()
  if dice() < chance then
    turn = turn % #warm + 1
    return warm[turn]
  end
  return next_session()
end

function done(summary, latency)
  local e = summary.errors
  io.write(format("measured requests=%d microseconds=%d p50=%d p99=%d bad_status=%d broken=%d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
