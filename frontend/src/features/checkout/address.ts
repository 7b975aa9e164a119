import type { Address } from '@/lib/shop-types';

interface Rule {
  maxLength: number;
  pattern?: string;
  /** What the field takes, in words. */
  title: string;
}

/** At least one character that can be seen, and none that steers what is shown. */
const LINE = String.raw`(?=.*\S)[^\p{Cc}\p{Bidi_Control}]*`;

/** What the shop takes in each field of an address. The backend decides; a contract test compares these with its rules. */
export const RULES: Record<keyof Address, Rule> = {
  name: { maxLength: 100, pattern: LINE, title: 'A name, in one line of plain text.' },
  street: { maxLength: 200, pattern: LINE, title: 'A street and a number, in one line of plain text.' },
  postal_code: { maxLength: 12, pattern: String.raw`(?=.*[A-Za-z0-9])[A-Za-z0-9 \-]*`, title: 'A postal code has letters from A to Z, digits, spaces and hyphens only.' },
  city: { maxLength: 100, pattern: LINE, title: 'A city, in one line of plain text.' },
  country: { maxLength: 2, title: 'One of the countries in the list.' },
  phone: { maxLength: 30, pattern: String.raw`(?=.*[0-9])[0-9+\-\/\(\)\. ]*`, title: 'A phone number has digits, spaces and + - / ( ) . only.' },
  note: { maxLength: 500, title: 'A note of plain text.' },
};

/** The field of the address that a refusal of the shop's is about, such as `address.phone`; null when it is about none. */
export function addressField(field: unknown): keyof Address | null {
  const name = typeof field === 'string' && field.startsWith('address.') ? field.slice('address.'.length) : '';
  return Object.hasOwn(RULES, name) ? (name as keyof Address) : null;
}
