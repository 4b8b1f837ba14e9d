// Lines of orders: on the board, in my work, among what was found.

import type { BoardRow, Status } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { Row } from './row'

/** `list` is the status that the list is about: a row in another one is on its way out. */
export function Rows({ rows, list }: { rows: BoardRow[]; list?: Status }) {
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
        {rows.map((row) => (
          <Row key={row.order_id} row={row} list={list} />
        ))}
      </tbody>
    </table>
  )
}
