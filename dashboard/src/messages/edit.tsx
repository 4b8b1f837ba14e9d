// A message with a mistake that its sender cannot mend: written anew, and replayed.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { persist } from '../api/commands'
import type { Message } from '../api/message-types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ProblemNotice } from '../ui/problem-notice'
import { asObject, readable } from './body'

interface Edited {
  message: Record<string, unknown>
  reason: string
}

export function Edit({ message }: { message: Message }) {
  const { t } = useI18n()
  const id = useId()
  const edit = useEdit(message.message_no)
  const [text, setText] = useState(() => readable(message))
  const [reason, setReason] = useState('')
  const [fault, setFault] = useState<'messages.not-json' | 'messages.reason-needed' | null>(null)

  function submit(event: FormEvent) {
    event.preventDefault()
    if (edit.isPending) return
    const written = asObject(text)
    if (!written) return setFault('messages.not-json')
    if (reason.trim().length < 3) return setFault('messages.reason-needed')
    setFault(null)
    edit.mutate({ message: written, reason: reason.trim() })
  }

  return (
    <details>
      <summary>{t('messages.edit')}</summary>
      <form onSubmit={submit} noValidate>
        <label htmlFor={`${id}-text`}>{t('messages.body')}</label>
        <textarea
          id={`${id}-text`}
          className="mono"
          rows={16}
          value={text}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
        <label htmlFor={`${id}-why`}>{t('command.reason')}</label>
        <input
          id={`${id}-why`}
          value={reason}
          maxLength={500}
          onChange={(event) => setReason(event.target.value)}
          autoComplete="off"
        />
        {fault && (
          <p className="fault" role="alert">
            {t(fault)}
          </p>
        )}
        <div className="buttons">
          <button type="submit" className="primary" aria-disabled={edit.isPending}>
            {t('messages.edit-and-replay')}
          </button>
        </div>
        {edit.isSuccess && <p role="status">{t('messages.done', { count: 1 })}</p>}
        {edit.error && <ProblemNotice error={edit.error} />}
      </form>
    </details>
  )
}

function useEdit(messageNo: number) {
  const { http } = useBackend()
  const queries = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: (edited: Edited) => {
      const key = crypto.randomUUID()
      const path = `/v1/messages/${messageNo}/edit`
      return persist(() => http.command<{ position?: string }>(path, key, edited))
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['messages'] }),
  })
}
