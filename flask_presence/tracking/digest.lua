-- Say who is alive, who has died lately, and which version each slot has.
--
-- KEYS[1] {p}:live  ZSET   worker -> end of its lease, ms of this server's clock
-- ARGV[1] prefix of the slots' keys, "{p}:w:"
-- ARGV[2] memory    ms a dead worker is remembered, so that every other worker gets to see that
--                   it is dead, and does not have to guess from its absence
-- Returns worker, ms left of its lease (0: dead), version or "" (its slot is gone), ...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
local found = {}
local live = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #live, 2 do
  local left = math.max(tonumber(live[i + 1]) - now, 0)
  found[#found + 1] = live[i]
  found[#found + 1] = left
  found[#found + 1] = left > 0 and redis.call('HGET', ARGV[1] .. live[i], '.') or ''
end
return found
