// Lines of orders: on the board, in my work, among what was found.

import type { Status } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { Row } from './row'
import type { Shown } from './steady'

/** `list` is the status that all are in, if the list is of one. */
export function Rows({ rows, list }: { rows: Shown[]; list?: Status }) {
  const { t } = useI18n()
  return (
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">{t('column.order')}</th>
          <th scope="col">{t('column.work')}</th>
          <th scope="col">{t('column.price')}</th>
          <th scope="col">{t('column.state')}</th>
          <th scope="col">{t('column.since')}</th>
          <th scope="col">{t('column.promise')}</th>
          <th scope="col">{t('column.action')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ row, gone }) => (
          <Row key={row.order_id} row={row} gone={gone} list={list} />
        ))}
      </tbody>
    </table>
  )
}
