/**
 * Commands of Redis that need a database. A client that gives one has mistaken a broker for it, and is told what to use; the names are
 * here only for that.
 */
const ALL_ELSE =
  'append bitcount bitfield bitfield_ro bitop bitpos copy dbsize decr decrby del dump eval eval_ro evalsha evalsha_ro exists expire ' +
  'expireat expiretime fcall fcall_ro flushall flushdb function get getbit getdel getex getrange getset incr incrby incrbyfloat keys lcs ' +
  'mget migrate move mset msetnx object persist pexpire pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest psetex ' +
  'pttl randomkey rename renamenx restore scan script set setbit setex setnx setrange sort sort_ro strlen substr swapdb touch ttl ' +
  'type unlink wait waitaof watch'
const COLLECTIONS =
  'geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore hdel hexists ' +
  'hexpire hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen httl hvals sadd scard sdiff ' +
  'sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop srandmember srem sscan sunion sunionstore ' +
  'bzmpop bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax ' +
  'zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore ' +
  'zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore'
const LISTS =
  'blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim rpop rpoplpush ' +
  'rpush rpushx'
const STREAMS =
  'xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim'

/** Of clients that have mistaken it for a part of a cluster. In Redis' words. */
const CLUSTERED = new Set(['asking', 'cluster', 'readonly', 'readwrite'])

const USES: readonly (readonly [string, string])[] = [
  [LISTS, 'for a queue of work use one of AMQP 0-9-1'],
  [STREAMS, 'for a stream use a topic of Kafka, or a queue of AMQP 0-9-1 that is a stream'],
  [COLLECTIONS, 'for data use a database'],
  [ALL_ELSE, 'for data use a database'],
]

const useByName: ReadonlyMap<string, string> = new Map(
  USES.flatMap(([names, use]) => names.split(' ').map((name) => [name, use] as const)),
)

/** Undefined for what is no such command. */
export function dataCommandError(name: string): string | undefined {
  if (CLUSTERED.has(name)) return 'ERR This instance has cluster support disabled'
  const use = useByName.get(name)
  if (use === undefined) return undefined
  return `ERR '${name}' needs a database, and PolyMQ is a broker: of Redis it serves publish and subscribe; ${use}`
}
