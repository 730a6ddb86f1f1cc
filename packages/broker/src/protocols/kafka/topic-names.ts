import { KafkaError } from './errors.ts'

const pattern = /^[a-zA-Z0-9._-]{1,249}$/

/** NONE if a topic may have this name. */
export function checkTopicName(name: string): KafkaError {
  const isLegal = pattern.test(name) && name !== '.' && name !== '..'
  return isLegal ? KafkaError.NONE : KafkaError.INVALID_TOPIC_EXCEPTION
}
