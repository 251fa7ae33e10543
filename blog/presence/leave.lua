-- Shorten the lease of a worker that is dead or about to stop, and tell all when it ends.
--
-- KEYS[1] {p}:w:<worker>  HASH   the slot
-- KEYS[2] {p}:live        ZSET   worker -> end of its lease, ms of this server's clock
-- KEYS[3] {p}:d                  the channel
-- ARGV[1] worker
-- ARGV[2] lease    ms; a lease that ends sooner stays as it is
-- ARGV[3] command  PUBLISH, or SPUBLISH on a cluster
-- ARGV[4] message  what to publish
-- Returns 1, or 0 where the worker is not known.
local ends = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not ends then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(ends) > now + ARGV[2] then
  redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call(ARGV[3], KEYS[3], ARGV[4])
return 1
