// "What would this cost?"

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { persist } from '../api/commands'
import type { Quote, QuoteBody } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ProblemNotice } from '../ui/problem-notice'
import { usualUnit } from './model-facts'
import { ModelField } from './model-field'
import { StonesField } from './stones-field'
import { useUpload } from './use-upload'
import { bodyOf, FIRST_WISH, type Field, faultsOf, type Wish } from './wish'
import { WishFields } from './wish-fields'

export function QuoteForm() {
  const { t } = useI18n()
  const [, go] = useLocation()
  const [wish, setWish] = useState<Wish>(FIRST_WISH)
  const [faults, setFaults] = useState<Field[]>([])
  const upload = useUpload()
  const ask = useAsk((quote) => go(`/quotes/${quote.quote_id}`))
  const model = upload.data ?? null

  function change(part: Partial<Wish>) {
    setWish((before) => ({ ...before, ...part }))
    setFaults([])
  }

  function choose(file: File) {
    change({ unit: usualUnit(file.name) })
    upload.mutate(file)
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    const found = faultsOf(wish, model?.model_id ?? null)
    setFaults(found)
    if (model && found.length === 0 && !ask.isPending) ask.mutate(bodyOf(wish, model.model_id))
  }

  return (
    <form className="panel quote-form" onSubmit={submit} noValidate aria-labelledby="ask">
      <h2 id="ask">{t('quotes.ask')}</h2>
      <ModelField upload={upload} unit={wish.unit} fault={faults.includes('model')} onFile={choose} />
      <WishFields wish={wish} faults={faults} onChange={change} />
      <StonesField
        stones={wish.stones}
        fault={faults.includes('stones')}
        onChange={(stones) => change({ stones })}
      />
      {faults.length > 0 && (
        <p className="fault" role="alert">
          {t('quotes.faults', { fields: faults.map((field) => t(`quotes.fault.${field}`)).join(' ') })}
        </p>
      )}
      {ask.error && <ProblemNotice error={ask.error} />}
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={ask.isPending || upload.isPending}>
          {t(upload.isPending ? 'quotes.uploading' : 'quotes.submit')}
        </button>
      </div>
    </form>
  )
}

/** The same question sent again has the same key; a changed one is another question. */
function useAsk(onQuote: (quote: Quote) => void) {
  const { http } = useBackend()
  const queries = useQueryClient()
  const last = useRef({ question: '', key: '' })
  return useMutation({
    networkMode: 'always',
    mutationFn: (body: QuoteBody) => {
      const question = JSON.stringify(body)
      if (last.current.question !== question) last.current = { question, key: crypto.randomUUID() }
      const { key } = last.current
      return persist(() => http.command<Quote & { position?: string }>('/v1/quotes', key, body))
    },
    onSuccess(quote) {
      queries.setQueryData<Quote>(['quote', quote.quote_id], quote)
      onQuote(quote)
    },
  })
}
