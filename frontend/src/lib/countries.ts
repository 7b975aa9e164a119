const names = new Intl.DisplayNames('en', { type: 'region' });

/** Writes a country code (ISO 3166-1 alpha-2) as a name; what is no code stays as it is. */
export function countryName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
