/**
 * What nats-server has and PolyMQ has not. Whatever would make clients meet something else than they were promised ends the start;
 * a further way in that is not opened is only told, as a client that looks for it finds nobody.
 */

const accounts = 'accounts are not served: all users share one space of subjects'
const keys = 'nkeys and JWTs are not served: name users with passwords, or a token'
const cluster = 'clusters are not served: PolyMQ is one process'
const jetstream = 'JetStream is not served: what is to be kept goes to queues and streams'
const monitoring = 'monitoring is served by plain HTTP at http_port'

/** By key at the top, in lower case. */
export const refusedKeys: ReadonlyMap<string, string> = new Map([
  ['accounts', accounts],
  ['system_account', accounts],
  ['system', accounts],
  ['default_sentinel', keys],
  ['operator', keys],
  ['operators', keys],
  ['root', keys],
  ['roots', keys],
  ['root_operator', keys],
  ['root_operators', keys],
  ['trusted', keys],
  ['trusted_keys', keys],
  ['resolver', keys],
  ['account_resolver', keys],
  ['accounts_resolver', keys],
  ['resolver_tls', keys],
  ['resolver_preload', keys],
  ['resolver_pinned_accounts', keys],
  ['mappings', 'mappings of subjects are not served'],
  ['maps', 'mappings of subjects are not served'],
  ['max_subscriptions', 'a bound for subscriptions cannot be set'],
  ['max_subs', 'a bound for subscriptions cannot be set'],
  ['max_sub_tokens', 'a bound for the words of a subscription cannot be set'],
  ['max_subscription_tokens', 'a bound for the words of a subscription cannot be set'],
  ['allow_non_tls', 'clients without TLS are not let in where there are certificates'],
  ['no_header_support', 'headers cannot be turned off'],
  ['ocsp', 'OCSP is not served'],
  ['proxy_protocol', 'the PROXY protocol is not served'],
  ['proxies', 'proxies are not served'],
  ['https', monitoring],
  ['https_port', monitoring],
  ['http_base_path', `${monitoring}, at its own paths`],
  ['cluster', cluster],
  ['jetstream', jetstream],
  ['default_js_domain', jetstream],
  ['gateway', cluster],
])

/** Further ways in: they are not opened, and the start goes on. */
export const unopenedKeys: ReadonlyMap<string, string> = new Map([
  ['leafnodes', 'leaf nodes are not served, their port is not opened'],
  ['leaf', 'leaf nodes are not served, their port is not opened'],
  ['websocket', 'WebSocket is not served, its port is not opened'],
  ['ws', 'WebSocket is not served, its port is not opened'],
  ['mqtt', 'MQTT is not served, its port is not opened'],
])

/** What no client notices: how the log looks, how a cluster that there is none of is found, and the like. */
export const silentKeys: ReadonlySet<string> = new Set([
  'trace',
  'trace_verbose',
  'trace_headers',
  'logtime_utc',
  'logfile_size_limit',
  'log_size_limit',
  'logfile_max_num',
  'log_max_num',
  'max_traced_msg_len',
  'client_advertise',
  'disable_sublist_cache',
  'no_sublist_cache',
  'store_dir',
  'storedir',
  'prof_port',
  'prof_block_rate',
  'lame_duck_duration',
  'lame_duck_grace_period',
  'no_system_account',
  'no_system',
  'no_sys_acc',
  'connect_error_reports',
  'reconnect_error_reports',
  'server_tags',
  'server_metadata',
  'feature_flags',
  'ocsp_cache',
  'no_fast_producer_stall',
  'max_closed_clients',
  'write_timeout',
])

/** Flags, by their first names. */
export const refusedFlags: ReadonlyMap<string, string> = new Map([
  ['jetstream', jetstream],
  ['routes', cluster],
  ['cluster', cluster],
  ['https_port', monitoring],
])
