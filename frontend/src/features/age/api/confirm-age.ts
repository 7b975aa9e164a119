import { call } from '@/lib/api-client';
import { session } from '@/lib/session';

/**
 * Stores the signed-in shopper's statement to be of age, which the shop asks for when it sells alcohol. Returns whether
 * the account counts as of age now: a date of birth on record outweighs the statement.
 */
export async function confirmAge(): Promise<boolean> {
  const { is_adult, age } = await call('post', '/api/v1/me/age', { auth: true, body: { confirmed: true } });
  const { user } = session.state;
  if (user) session.change({ ...user, is_adult, age });
  return is_adult;
}
