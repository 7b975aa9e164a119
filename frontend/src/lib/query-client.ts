import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './http';

/** Reads are repeated when the shop is away, and never when it has answered no. */
export function createQueryClient(retryDelay?: number): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 60_000,
        // A read is tried even where the browser believes to be offline: it is often wrong about that.
        networkMode: 'always',
        retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
        ...(retryDelay === undefined ? {} : { retryDelay }),
      },
      mutations: { networkMode: 'always' },
    },
  });
}
