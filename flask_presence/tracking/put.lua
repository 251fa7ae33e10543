-- Replace this worker's slot, whatever was there; renew its lease; tell all.
--
-- KEYS[1] {p}:w:<worker>  HASH   the slot: ref -> presence as JSON, and "." -> its version
-- KEYS[2] {p}:live        ZSET   worker -> end of its lease, ms of this server's clock
-- ARGV[1] worker
-- ARGV[2] new      the version, of a new epoch
-- ARGV[3] lease    ms
-- ARGV[4] command  PUBLISH, or SPUBLISH on a cluster
-- ARGV[5] channel  {p}:d
-- ARGV[6] message  what to publish
-- ARGV[7..]        ref, presence, ref, presence, ...
-- Returns 1.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- First of all writes: a server that is out of memory refuses it, and so the whole step. After a DEL
-- it would let us go on, and some steps would succeed and others not.
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '.', ARGV[2])
for i = 7, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], 86400000)
redis.call(ARGV[4], ARGV[5], ARGV[6])
return 1
