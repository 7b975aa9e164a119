// @vitest-environment node
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE, parseCSV, picturesOf } from './pictures.mjs';

describe('the pictures of a catalogue', () => {
  it('are each named once, sorted', () => {
    expect(picturesOf('name,picture\n"Pears, ""Conference""",1f350\r\nApples,1f34e\nMore apples,1f34e\n')).toEqual(['1f34e', '1f350']);
  });

  it.each([
    ['name,picture\nUnicorn steak,no-such\n', 'row 2: the set has no picture "no-such"'],
    ['name,picture\nTrick,../../etc/passwd\n', 'is no picture name'],
    ['name,picture\nNothing,\n', 'row 2: "" is no picture name'],
    ['name\nApples\n', 'no column "picture"'],
  ])('stop the build: %j', (csv, message) => expect(() => picturesOf(csv)).toThrow(message));

  it('are all in the set', () => {
    expect(picturesOf(readFileSync(CATALOGUE, 'utf8')).length).toBeGreaterThan(50);
  });
});

it('reads CSV with quotes, line breaks inside fields and a byte-order mark', () => {
  expect(parseCSV('\uFEFFa,b\r\n"1,""x""","two\nlines"\n,\n\n')).toEqual([
    ['a', 'b'],
    ['1,"x"', 'two\nlines'],
    ['', ''],
  ]);
});
