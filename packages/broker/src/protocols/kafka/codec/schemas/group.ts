import type { ApiLayout } from '../layout.ts'

/** Consumer groups, their offsets and where to find them. Notation: layout.ts. */

export const offsetCommitLayout: ApiLayout = {
  request: `
    groupId                    string
    generationIdOrMemberEpoch  int32         = -1
    memberId                   string
    groupInstanceId            string?  7+   = null
    retentionTimeMs            int64    2-4  = -1
    topics                     []
      name                     string
      partitions               []
        partitionIndex         int32
        committedOffset        int64
        committedLeaderEpoch   int32    6+   = -1
        committedMetadata      string?
  `,
  response: `
    throttleTimeMs      int32   3+
    topics              []
      name              string
      partitions        []
        partitionIndex  int32
        errorCode       int16
  `,
}

export const offsetFetchLayout: ApiLayout = {
  request: `
    groupId               string   1-7
    topics                []?2     1-7
      name                string
      partitionIndexes    []int32
    groups                []       8+
      groupId             string
      memberId            string?  9+   = null
      memberEpoch         int32    9+   = -1
      topics              []?
        name              string
        partitionIndexes  []int32
    requireStable         bool     7+
  `,
  response: `
    throttleTimeMs              int32    3+
    topics                      []       1-7
      name                      string
      partitions                []
        partitionIndex          int32
        committedOffset         int64
        committedLeaderEpoch    int32    5+   = -1
        metadata                string?
        errorCode               int16
    errorCode                   int16    2-7
    groups                      []       8+
      groupId                   string
      topics                    []
        name                    string
        partitions              []
          partitionIndex        int32
          committedOffset       int64
          committedLeaderEpoch  int32         = -1
          metadata              string?
          errorCode             int16
      errorCode                 int16
  `,
}

export const findCoordinatorLayout: ApiLayout = {
  request: `
    key              string    0-3
    keyType          int8      1+
    coordinatorKeys  []string  4+
  `,
  response: `
    throttleTimeMs  int32    1+
    errorCode       int16    0-3
    errorMessage    string?  1-3
    nodeId          int32    0-3
    host            string   0-3
    port            int32    0-3
    coordinators    []       4+
      key           string
      nodeId        int32
      host          string
      port          int32
      errorCode     int16
      errorMessage  string?
  `,
}

export const joinGroupLayout: ApiLayout = {
  request: `
    groupId             string
    sessionTimeoutMs    int32
    rebalanceTimeoutMs  int32    1+  = -1
    memberId            string
    groupInstanceId     string?  5+  = null
    protocolType        string
    protocols           []
      name              string
      metadata          bytes
    reason              string?  8+  = null
  `,
  response: `
    throttleTimeMs     int32     2+
    errorCode          int16
    generationId       int32         = -1
    protocolType       string?   7+  = null
    protocolName       string?7
    leader             string
    skipAssignment     bool      9+
    memberId           string
    members            []
      memberId         string
      groupInstanceId  string?   5+  = null
      metadata         bytes
  `,
}

export const heartbeatLayout: ApiLayout = {
  request: `
    groupId          string
    generationId     int32
    memberId         string
    groupInstanceId  string?  3+  = null
  `,
  response: `
    throttleTimeMs  int32  1+
    errorCode       int16
  `,
}

export const leaveGroupLayout: ApiLayout = {
  request: `
    groupId            string
    memberId           string   0-2
    members            []       3+
      memberId         string
      groupInstanceId  string?       = null
      reason           string?  5+   = null
  `,
  response: `
    throttleTimeMs     int32    1+
    errorCode          int16
    members            []       3+
      memberId         string
      groupInstanceId  string?
      errorCode        int16
  `,
}

export const syncGroupLayout: ApiLayout = {
  request: `
    groupId          string
    generationId     int32
    memberId         string
    groupInstanceId  string?  3+  = null
    protocolType     string?  5+  = null
    protocolName     string?  5+  = null
    assignments      []
      memberId       string
      assignment     bytes
  `,
  response: `
    throttleTimeMs  int32    1+
    errorCode       int16
    protocolType    string?  5+  = null
    protocolName    string?  5+  = null
    assignment      bytes
  `,
}
