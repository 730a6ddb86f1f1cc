/** Every bound of core/auth in one place: nothing in this folder grows with what strangers send. */
export const authLimits = {
  usersMax: 10_000,
  nameBytesMax: 255,
  passwordBytesMax: 1_024,
  tagsMax: 32,
  /** Each login by a token is compared with all of them. */
  tokensMax: 1_000,
  tokenBytesMax: 1_024,

  /** 32 MiB and one thread of libuv's pool each: two leave the pool its other two threads. */
  hashesRunningMax: 2,
  /**
   * At about 33 ms a place (two at a time) the last one waits 8 s, just under the 10 s that AMQP
   * clients and brokers allow for a handshake. A longer line would only hash for the departed.
   */
  hashesWaitingMax: 256,
  /** Connections that wait for somebody else's hash of the very same name and password. */
  loginsJoinedMax: 65_536,
  verifiedLoginsMax: 8_192,

  patternCharsMax: 512,
  /** Steps of one match are at most instructions x name length. */
  patternInstructionsMax: 512,
  decisionsCachedMax: 16_384,
  permissionsMax: 100_000,

  /** Addresses whose failed logins are told apart; the rest share one bucket. */
  throttledSourcesMax: 4_096,
} as const
