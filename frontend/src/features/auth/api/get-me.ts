import { useQuery } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { useSession } from '@/lib/use-session';

/** Who is signed in. Asks nothing while nobody is. */
export function useMe() {
  const { token } = useSession();
  return useQuery({
    queryKey: ['me', token],
    queryFn: ({ signal }) => call('get', '/api/me/info', { auth: true, signal }),
    enabled: token !== null,
    staleTime: Infinity,
  });
}
