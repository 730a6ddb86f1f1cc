/**
 * What the compiler and the formatter cannot see: promises nobody waits for, default exports,
 * functions grown too long, and the globals a room may not touch (invariant 7 of the design).
 * Imports between rooms are scripts/check-imports.mjs's.
 */
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const sources = 'packages/*/src'
const tests = ['**/*.test.ts', '**/*.fuzz.ts', '**/*.bench.ts', `${sources}/testing/**`]

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'No default exports: a thing has one name everywhere.',
}

const processOnlyInApp = {
  name: 'process',
  message: 'process belongs to app/ and cli.ts; take what you need as an argument.',
}

const handedIn = (name) => ({
  name,
  message: `${name} comes in as an argument here (invariant 7).`,
})

export default defineConfig(
  globalIgnores(['**/dist/', '**/*.generated.ts', '**/fixtures/']),
  {
    files: ['**/*.ts', '**/*.mjs', '**/*.js'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-debugger': 'error',
      'no-eval': 'error',
      'no-fallthrough': 'error',
      'no-self-compare': 'error',
      'no-unreachable': 'error',
      'no-unsafe-finally': 'error',
      'no-async-promise-executor': 'error',
      'no-empty': 'error',
      'no-throw-literal': 'error',
      'no-unused-private-class-members': 'error',
    },
  },
  {
    // In TypeScript the compiler says it.
    files: ['**/*.mjs', '**/*.js'],
    rules: { 'no-unused-vars': 'error' },
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: `${import.meta.dirname}/../..` },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      'no-restricted-syntax': ['error', noDefaultExport],
      'no-throw-literal': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/restrict-plus-operands': 'error',
    },
  },
  {
    // node:test runs its cases itself: test() and describe() return promises that nobody awaits.
    files: ['**/*.test.ts', '**/*.fuzz.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
    },
  },
  {
    // The tripwire of the style card; a decoder's switch may disable it in place and say why.
    files: [`${sources}/**/*.ts`],
    ignores: tests,
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: [`${sources}/**/*.ts`],
    ignores: [...tests, `${sources}/app/**`, `${sources}/cli.ts`],
    rules: { 'no-restricted-globals': ['error', processOnlyInApp] },
  },
  {
    files: [`${sources}/core/**/*.ts`, `${sources}/storage/**/*.ts`],
    ignores: [...tests, `${sources}/storage/disk/**`],
    rules: {
      'no-restricted-globals': [
        'error',
        processOnlyInApp,
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'].map(
          handedIn,
        ),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'now comes in as an argument here.' },
        { object: 'Math', property: 'random', message: 'Randomness comes in as an argument here.' },
      ],
      'no-restricted-syntax': [
        'error',
        noDefaultExport,
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'now comes in as an argument here.',
        },
      ],
    },
  },
)
