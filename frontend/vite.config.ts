import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { early } from './scripts/early.mjs';
import { pictures } from './scripts/pictures.mjs';

// In development and preview the API is proxied, so that the page talks to its own origin as it does in production. The
// backend sees the host that the browser asked for: it signs nobody in for pages of other origins.
const api = { '/api': { target: process.env.GROCERY_BACKEND ?? 'http://127.0.0.1:5000', changeOrigin: false } };

export default defineConfig({
  plugins: [react(), pictures(), early()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { port: 5173, proxy: api },
  preview: { port: 4173, proxy: api },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // One small stylesheet: a page that comes later waits for its code only.
    cssCodeSplit: false,
    // One file for what every page needs: a browser asks a server for no more than six things at a time.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shop', tags: ['$initial'] }] } } },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['./src/testing/setup.ts'],
    include: ['src/**/*.test.{ts,tsx}', 'nginx/**/*.test.ts', 'scripts/**/*.test.ts'],
    css: { modules: { classNameStrategy: 'non-scoped' } },
    restoreMocks: true,
    // On a machine that does much else at the same time.
    testTimeout: 30_000,
  },
});
