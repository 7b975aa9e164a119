import { useMutation } from '@tanstack/react-query';
import { call, type Body } from '@/lib/api-client';
import { session } from '@/lib/session';

/** Signs in. */
export function useLogin() {
  return useMutation({ mutationFn: async (body: Body<'/api/v1/auth/login', 'post'>) => session.begin(await call('post', '/api/v1/auth/login', { body })) });
}

/** Opens an account and is signed in to it. */
export function useRegister() {
  return useMutation({ mutationFn: async (body: Body<'/api/v1/auth/register', 'post'>) => session.begin(await call('post', '/api/v1/auth/register', { body })) });
}
