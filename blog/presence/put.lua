-- Replace this worker's slot, whatever was there; renew its lease; tell all.
--
-- KEYS[1] {p}:w:<worker>  HASH   the slot: ref -> presence as JSON, and "." -> its version
-- KEYS[2] {p}:live        ZSET   worker -> end of its lease, ms of this server's clock
-- KEYS[3] {p}:d                  the channel
-- ARGV[1] worker
-- ARGV[2] new      the version, of a new epoch
-- ARGV[3] lease    ms
-- ARGV[4] command  PUBLISH, or SPUBLISH on a cluster
-- ARGV[5] message  what to publish
-- ARGV[6..]        ref, presence, ref, presence, ...
-- Returns 1.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '.', ARGV[2])
for i = 6, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[2], 86400000)
redis.call(ARGV[4], KEYS[3], ARGV[5])
return 1
