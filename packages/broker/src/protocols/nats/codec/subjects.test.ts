import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patternFits, patternsFor, SubjectKind, subjectKind } from './subjects.ts'

function kindOf(subject: string): SubjectKind {
  const bytes = Buffer.from(subject)
  return subjectKind(bytes, 0, bytes.length)
}

test('subjects, patterns, and what is neither', () => {
  for (const subject of [
    'a',
    'a.b',
    'a.b*',
    '*b.c',
    'a.>b',
    '_INBOX.x.1',
    '$JS.API',
    'ä.ö',
    '**',
  ]) {
    assert.equal(kindOf(subject), SubjectKind.literal, subject)
  }
  for (const subject of ['*', '>', 'a.*', '*.b', 'a.>', 'a.*.c', '*.*.>']) {
    assert.equal(kindOf(subject), SubjectKind.pattern, subject)
  }
  for (const subject of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '>.a',
    'a.>.b',
    'a b',
    'a\tb',
    'a\0',
    '\x7f',
  ]) {
    assert.equal(kindOf(subject), SubjectKind.invalid, JSON.stringify(subject))
  }
})

test('only the bytes between start and end count', () => {
  assert.equal(subjectKind(Buffer.from(' a.b '), 1, 4), SubjectKind.literal)
  assert.equal(subjectKind(Buffer.from('.a.'), 1, 2), SubjectKind.literal)
})

test('the patterns for a subject are those that fit it', () => {
  assert.deepEqual([...patternsFor('a.b', 6)].toSorted(), [
    '*.*',
    '*.>',
    '*.b',
    '>',
    'a.*',
    'a.>',
    'a.b',
  ])
})

test('of a long subject only patterns with the wildcard at the end are tried', () => {
  assert.deepEqual([...patternsFor('a.b.c', 2)], ['a.b.c', 'a.b.*', 'a.b.>', 'a.>', '>'])
})

test('a pattern fits the subjects that reach it, and no others', () => {
  for (const pattern of patternsFor('a.b.c', 6)) assert.ok(patternFits(pattern, 'a.b.c'), pattern)
  for (const pattern of ['a', 'a.b', 'a.b.c.*', 'a.b.c.>', '*.*', '*', 'b.>', 'a.*.d', 'a.b.c.d']) {
    assert.ok(!patternFits(pattern, 'a.b.c'), pattern)
  }
})
