import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` shows this source against a running stack: MES_READ_API is where its read API listens
// (`cargo xtask env --json` tells). In production the read API serves the built files itself.
const readApi = process.env.MES_READ_API ?? 'http://127.0.0.1:8082'

export default defineConfig({
  base: './',
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    proxy: { '/v1': readApi, '/config.json': readApi },
  },
  build: { target: 'es2022', sourcemap: false },
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    environment: 'node',
    reporters: ['default', './tests/closing-line.ts'],
  },
})
