/**
 * What every room may say and none may configure: where lines go, and from which level on, is
 * app/logger.ts's or the embedding program's business.
 */
export type LogFields = Readonly<Record<string, string | number | boolean>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to every line. `sub` names the room (`amqp`), `conn` the connection. */
  child(fields: LogFields): Logger
}
