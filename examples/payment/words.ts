import type { Dictionary } from '../shared/words.ts';

export const paymentWords = {
  appName: { 'zh-TW': '校園繳費系統', en: 'Campus Payment' },
  appLead: {
    'zh-TW': '查看孩子的繳費單，隨時安全繳費。',
    en: 'See your child’s school bills and pay them safely.',
  },
  billsTitle: { 'zh-TW': '繳費單', en: 'Bills' },
  open: { 'zh-TW': '尚未繳費', en: 'Still to pay' },
  allPaid: { 'zh-TW': '目前沒有待繳的費用。', en: 'Nothing to pay at the moment.' },
  amount: { 'zh-TW': 'NT$ {amount}', en: 'NT$ {amount}' },
  due: { 'zh-TW': '繳費期限 {day}', en: 'Due {day}' },
  paid: { 'zh-TW': '已繳費', en: 'Paid' },
  unpaid: { 'zh-TW': '待繳', en: 'To pay' },
  details: { 'zh-TW': '查看', en: 'View' },
  'bill.tuition': { 'zh-TW': '雜費', en: 'School fees' },
  'bill.insurance': { 'zh-TW': '學生團體保險費', en: 'Student group insurance' },
  'bill.lunch': { 'zh-TW': '午餐費', en: 'School lunch' },
  'bill.books': { 'zh-TW': '教科書費', en: 'Textbooks' },
  'bill.trip': { 'zh-TW': '校外教學費', en: 'School trip' },
  'bill.club': { 'zh-TW': '社團材料費', en: 'Club materials' },
  term: { 'zh-TW': '學年度－學期', en: 'Term' },
  number: { 'zh-TW': '繳費單號', en: 'Bill number' },
  dueLabel: { 'zh-TW': '繳費期限', en: 'Due' },
  total: { 'zh-TW': '金額', en: 'Amount' },
  pay: { 'zh-TW': '確認繳費 NT$ {amount}', en: 'Pay NT$ {amount}' },
  payHint: {
    'zh-TW': '示範系統：按下後視為已繳清，不會真的扣款。為了保護您，五分鐘內沒有登入過時會先請您確認身分。',
    en: 'Demonstration: pressing counts as paid; no money moves. To protect you, we ask you to sign in again if your last sign-in is more than five minutes ago.',
  },
  confirmAgain: {
    'zh-TW': '已確認您的身分。請核對金額，再按一次確認繳費。',
    en: 'Thank you, that was you. Please check the amount and press once more to pay.',
  },
  notPaidTitle: { 'zh-TW': '款項沒有繳交', en: 'Nothing was paid' },
  stale: {
    'zh-TW': '這個頁面已過期，款項沒有繳交。請核對後再按一次。',
    en: 'This page was out of date and nothing was paid. Please check and press again.',
  },
  mayNotPay: {
    'zh-TW': '您可以查看繳費單；繳費不在您的權限內。',
    en: 'You can see the bills; paying is not part of your permissions.',
  },
  receipt: { 'zh-TW': '收據號碼', en: 'Receipt' },
  paidAt: { 'zh-TW': '繳費時間', en: 'Paid on' },
  paidThanks: { 'zh-TW': '這筆費用已繳清，不會重複收費。', en: 'This bill is settled. It will not be charged again.' },
  toBills: { 'zh-TW': '回繳費單列表', en: 'Back to the bills' },
  noPermission: {
    'zh-TW': '您對這位學生的權限不包含查看繳費單。若您認為有誤，請洽學校。',
    en: 'Your permissions for this student do not include bills. If that seems wrong, please ask the school.',
  },
  noRole: {
    'zh-TW': '繳費單提供給家長查看，「{role}」身分沒有資料。您可以從右上角的選單切換身分。',
    en: 'Bills are for parents; there is nothing to see as {role}. You can switch in the menu at the top.',
  },
} satisfies Dictionary;
