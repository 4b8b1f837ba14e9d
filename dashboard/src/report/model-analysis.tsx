// What was measured of a model and what speaks against it, as soon as it was measured.

import { useQuery } from '@tanstack/react-query'
import type { AnalysisAnswer } from '../api/pricing-types'
import { ApiError } from '../api/problem'
import type { WorkSpec } from '../api/types'
import { useBackend } from '../session/use-backend'
import { ModelPanel } from './model-panel'
import { readModel } from './read-model'
import { readReport } from './read-report'
import { ReportPanel } from './report-panel'

const ASK_EVERY_MS = 3000
// A report comes seconds after the price; one that is not there by then will not come.
const PATIENCE_MS = 300_000

export function ModelAnalysis({ spec }: { spec: WorkSpec }) {
  const { reads } = useBackend()
  const { data } = useQuery({
    queryKey: ['analysis', spec.model_id, spec.unit],
    // Before anybody measured it there is nothing to tell.
    queryFn: ({ signal }) => reads.analysis(spec.model_id, spec.unit, signal).catch(nothingYet),
    refetchInterval: ({ state }) => (isOver(state.data) ? false : ASK_EVERY_MS),
  })
  const model = readModel(data)
  const report = readReport(data?.report)
  return (
    <>
      {model && <ModelPanel model={model} />}
      {report && <ReportPanel report={report} />}
    </>
  )
}

function isOver(told: AnalysisAnswer | null | undefined): boolean {
  if (!told?.finished_at) return false
  const asOld = Date.now() - Date.parse(told.finished_at) > PATIENCE_MS
  return asOld || Boolean(told.report ?? told.refusal)
}

function nothingYet(error: unknown): null {
  if (error instanceof ApiError && error.problem.status === 404) return null
  throw error
}
