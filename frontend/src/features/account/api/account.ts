import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call, type Body } from '@/lib/api-client';
import { session } from '@/lib/session';

/** Changes name or e-mail address. */
export function useChangeProfile() {
  return useMutation({ mutationFn: async (body: Body<'/api/v1/me', 'patch'>) => session.change(await call('patch', '/api/v1/me', { auth: true, body })) });
}

/** Changes the password; every other session ends. */
export function useChangePassword() {
  return useMutation({
    mutationFn: async (body: Body<'/api/v1/me/password', 'post'>) => session.begin(await call('post', '/api/v1/me/password', { auth: true, body })),
  });
}

/** Puts another picture in the place of the account's, or takes it away. */
export function useChangeAvatar() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (picture: Blob | null) => {
      if (picture) {
        const body = new FormData();
        body.set('file', picture, 'picture');
        await call('put', '/api/v1/me/avatar', { auth: true, body });
      } else await call('delete', '/api/v1/me/avatar', { auth: true });
      session.change(await call('get', '/api/v1/me', { auth: true }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['reviews'] }),
  });
}

/** Ends every session of the account, on every device. */
export function useSignOutEverywhere() {
  return useMutation({
    mutationFn: async () => {
      await call('post', '/api/v1/auth/logout-everywhere', { auth: true });
      session.ended('signed-out');
    },
  });
}

/** Deletes the account for good. */
export function useDeleteAccount() {
  return useMutation({
    mutationFn: async (current_password: string) => {
      await call('delete', '/api/v1/me', { auth: true, body: { current_password } });
      session.ended('signed-out');
    },
  });
}
