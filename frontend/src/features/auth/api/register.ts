import { useMutation } from '@tanstack/react-query';
import { ApiError, call, NetworkError } from '@/lib/api-client';
import type { components } from '@/lib/api-schema';
import { login } from './login';

export type Registration = components['schemas']['Registration'];

/** Opens an account and signs in to it. */
export function useRegister() {
  return useMutation({
    mutationFn: async ({ username, email, password }: Registration) => {
      await call('post', '/api/auth/register', { body: { username, email, password } });
      try {
        await login({ email, password });
      } catch (cause) {
        // Registering once more would only be told that the name is taken.
        if (cause instanceof ApiError || cause instanceof NetworkError) cause.message = `Your account is ready. Go to “Sign in” to use it. (${cause.message})`;
        throw cause;
      }
    },
    networkMode: 'always',
  });
}
