import type { JoinResult, SyncResult } from './group-requests.ts'
import { noBytes } from './member.ts'

export function joinRefused(error: number, memberId: string): JoinResult {
  return {
    error,
    generation: -1,
    protocolType: null,
    protocol: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncRefused(error: number): SyncResult {
  return { error, protocolType: null, protocol: null, assignment: noBytes }
}
