-- Change this worker's slot if it is what the worker believes it to be; renew its lease; tell all.
-- With no joins and no leaves it is the heartbeat.
--
-- KEYS[1] {p}:w:<worker>  HASH   the slot: ref -> presence as JSON, and "." -> its version
-- KEYS[2] {p}:live        ZSET   worker -> end of its lease, ms of this server's clock
-- ARGV[1] worker
-- ARGV[2] prev     the version the worker believes the slot has
-- ARGV[3] new      the version it will have
-- ARGV[4] lease    ms
-- ARGV[5] command  PUBLISH, or SPUBLISH on a cluster
-- ARGV[6] channel  {p}:d: no key, for a key that does not exist would stop every write while a
--                  cluster migrates the slot
-- ARGV[7] message  what to publish
-- ARGV[8] n        how many joins follow
-- ARGV[9..8+2n]    ref, presence, ref, presence, ...
-- ARGV[9+2n..]     refs that leave
-- Returns 1, or 0 with nothing changed. Without the guard an HSET on an expired slot would bring
-- back a part of it, without a TTL: a ghost for ever.
if redis.call('HGET', KEYS[1], '.') ~= ARGV[2] then
  return 0
end
-- First of all writes, for a server that is out of memory; see put.lua.
redis.call('HSET', KEYS[1], '.', ARGV[3])
local n = tonumber(ARGV[8])
for i = 9, 8 + 2 * n, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
for i = 9 + 2 * n, #ARGV do
  redis.call('HDEL', KEYS[1], ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
-- The list of the living must not outlive them all: a day is far beyond every lease.
redis.call('PEXPIRE', KEYS[2], 86400000)
redis.call(ARGV[5], ARGV[6], ARGV[7])
return 1
