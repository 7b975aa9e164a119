import { ApiError, call } from '@/lib/api-client';

/**
 * Stores the signed-in shopper's statement to be of age, which the shop asks for when it sells alcohol. Returns whether
 * the account counts as of age now: a date of birth on record outweighs the statement.
 */
export async function confirmAge(): Promise<boolean> {
  try {
    const { is_adult } = await call('post', '/api/v1/me/age', { auth: true, body: { confirmed: true } });
    return is_adult;
  } catch (error) {
    // A backend without the versioned API keeps no ages; it decides at the purchase alone.
    if (error instanceof ApiError && error.status === 404) return true;
    throw error;
  }
}
