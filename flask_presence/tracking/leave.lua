-- Set the end of a worker's lease: it is dead, or about to stop. Tell all when it ends.
--
-- KEYS[1] {p}:w:<worker>  HASH   the slot
-- KEYS[2] {p}:live        ZSET   worker -> end of its lease, ms of this server's clock
-- ARGV[1] worker
-- ARGV[2] lease    ms
-- ARGV[3] command  PUBLISH, or SPUBLISH on a cluster
-- ARGV[4] channel  {p}:d
-- ARGV[5] message  what to publish
-- ARGV[6] version  what the worker itself knows its slot to have: then the lease becomes as long
--                  as asked for, and ".left" notes that it said goodbye. "" where another speaks
--                  for it: that only shortens, and never a lease that the worker itself has set.
--                  Where the list of the living was lost it is put there, so that a digest tells
--                  those who do not hear the message, as they are not subscribed yet.
-- Returns 1, or 0 with nothing changed.
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
if ARGV[6] == '' then
  if redis.call('HEXISTS', KEYS[1], '.left') == 1 then
    return 0
  end
  local known = redis.call('ZSCORE', KEYS[2], ARGV[1])
  if known then
    ends = math.min(ends, tonumber(known))
  end
elseif redis.call('HGET', KEYS[1], '.') == ARGV[6] then
  redis.call('HSET', KEYS[1], '.left', 1)
else
  return 0
end
redis.call('ZADD', KEYS[2], ends, ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ends)
redis.call('PEXPIRE', KEYS[2], 86400000)
redis.call(ARGV[3], ARGV[4], ARGV[5])
return 1
