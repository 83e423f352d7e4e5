import type { z } from 'zod';

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with fields',
  record: 'an object with fields',
};

/** What is wrong with a value of a body, for people who know nothing of schemas; undefined: the schema's own words. */
export function plainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_union':
      return 'not of a kind that is taken';
    case 'too_small':
      if (issue.origin !== 'string') return undefined;
      return issue.minimum === 1 ? 'expected a text' : `expected at least ${issue.minimum} characters`;
    case 'too_big':
      return issue.origin === 'string' ? `expected at most ${issue.maximum} characters` : undefined;
    default:
      return undefined;
  }
}
