// The file, and what is seen of it on the way.

import type { UseMutationResult } from '@tanstack/react-query'
import type { Unit, UploadedModel } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { ProblemNotice } from '../ui/problem-notice'
import { sizeInMillimetres } from './model-facts'

interface Props {
  upload: UseMutationResult<UploadedModel, Error, File>
  unit: Unit
  fault: boolean
  onFile(file: File): void
}

export function ModelField({ upload, unit, fault, onFile }: Props) {
  const { t } = useI18n()
  return (
    <div className="field">
      <label htmlFor="model">{t('quotes.model')}</label>
      <input
        id="model"
        type="file"
        accept=".stl,.obj,.3mf,.ply,.off,.glb"
        aria-invalid={fault}
        aria-describedby="model-hint"
        onChange={({ target }) => {
          const [file] = target.files ?? []
          if (file) onFile(file)
        }}
      />
      <p id="model-hint" className="faint" role="status">
        {upload.isPending && t('quotes.uploading')}
        {upload.data && <Seen model={upload.data} unit={unit} />}
        {upload.isIdle && t('quotes.formats')}
      </p>
      {upload.error && <ProblemNotice error={upload.error} />}
    </div>
  )
}

function Seen({ model, unit }: { model: UploadedModel; unit: Unit }) {
  const { t, f } = useI18n()
  const size = sizeInMillimetres(model, unit)
  return (
    <>
      {model.format}, {t('price.facets', { count: model.facets })}.{' '}
      {size && (
        <>
          {t('quotes.size')}: {size.map(f.measure).join(' × ')} {t('price.unit.mm')}.
        </>
      )}
    </>
  )
}
