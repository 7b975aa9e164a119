import { useMutation } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import type { components } from '@/lib/api-schema';
import { session } from '@/lib/session';

export type Credentials = components['schemas']['Login'];

export async function login({ email, password }: Credentials): Promise<void> {
  const { access_token } = await call('post', '/api/auth/login', { body: { email, password } });
  session.begin(access_token);
}

/** Signs in. */
export function useLogin() {
  return useMutation({ mutationFn: login, networkMode: 'always' });
}
