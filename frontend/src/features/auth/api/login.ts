import { useMutation } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { session } from '@/lib/session';

export interface Credentials {
  email: string;
  password: string;
}

export async function login({ email, password }: Credentials): Promise<void> {
  const { access_token } = await call<{ access_token: string }>('/api/auth/login', { method: 'POST', body: { email, password } });
  session.begin(access_token);
}

/** Signs in. */
export function useLogin() {
  return useMutation({ mutationFn: login, networkMode: 'always' });
}
