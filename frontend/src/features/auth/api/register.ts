import { useMutation } from '@tanstack/react-query';
import { ApiError, call, NetworkError } from '@/lib/api-client';
import { login, type Credentials } from './login';

export interface Registration extends Credentials {
  username: string;
}

/** Opens an account and signs in to it. */
export function useRegister() {
  return useMutation({
    mutationFn: async ({ username, email, password }: Registration) => {
      await call('/api/auth/register', { method: 'POST', body: { username, email, password } });
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
