// The upload begins as soon as a file is chosen, while the other questions are answered.

import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { persist } from '../api/commands'
import type { UploadedModel } from '../api/types'
import { useBackend } from '../session/use-backend'

export function useUpload() {
  const { http } = useBackend()
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])
  const upload = useMutation({
    networkMode: 'always',
    mutationFn: (file: File) => {
      // Another file was chosen: nobody waits for the last one.
      running.current?.abort()
      const stop = new AbortController()
      running.current = stop
      const send = () => http.upload<UploadedModel>('/v1/models', file, stop.signal)
      return persist(send, undefined, stop.signal)
    },
  })
  return upload
}
