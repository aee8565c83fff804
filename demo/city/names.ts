import type { SeededRandom } from './seeded-random.ts';

/** A name in Chinese characters, and in Latin letters for an email address. */
export interface GivenName {
  text: string;
  latin: string;
}

type Sound = readonly [text: string, latin: string];

const sounds = (text: string): Sound[] =>
  text.split(' ').map((pair) => {
    const [latin = ''] = /[a-z]+$/.exec(pair) ?? [];
    return [pair.slice(0, -latin.length), latin];
  });

/** Common surnames are repeated, so that they are chosen more often. */
const SURNAMES = sounds(
  '陳chen 陳chen 陳chen 陳chen 林lin 林lin 林lin 黃huang 黃huang 張zhang 張zhang 李li 李li 王wang 王wang 吳wu 吳wu 劉liu 蔡cai ' +
    '楊yang 許xu 鄭zheng 謝xie 洪hong 郭guo 邱qiu 曾zeng 廖liao 賴lai 徐xu 周zhou 葉ye 蘇su 莊zhuang 呂lu 江jiang 何he 蕭xiao 羅luo 高gao ' +
    '潘pan 簡jian 朱zhu 鍾zhong 游you 彭peng 詹zhan 胡hu 施shi 沈shen 余yu 趙zhao 盧lu 梁liang 顏yan 柯ke 翁weng 魏wei 孫sun 戴dai',
);
const FIRST = {
  male: sounds(
    '志zhi 俊jun 建jian 文wen 明ming 家jia 承cheng 冠guan 宗zong 柏bo 宇yu 哲zhe 彥yan 子zi 品pin 睿rui 廷ting 政zheng 信xin 育yu',
  ),
  female: sounds(
    '怡yi 淑shu 雅ya 佳jia 心xin 惠hui 美mei 欣xin 詩shi 筱xiao 子zi 語yu 品pin 宜yi 芷zhi 思si 婉wan 靜jing 韻yun 采cai',
  ),
};
const SECOND = {
  male: sounds(
    '豪hao 宏hong 偉wei 傑jie 銘ming 翔xiang 恩en 廷ting 瑋wei 霖lin 毅yi 凱kai 安an 軒xuan 諺yan 勳xun 達da 辰chen 佑you 衡heng',
  ),
  female: sounds(
    '君jun 芬fen 婷ting 玲ling 慧hui 萱xuan 涵han 妤yu 晴qing 庭ting 蓉rong 瑜yu 茹ru 雯wen 琪qi 潔jie 蓁zhen 安an 寧ning 霏fei',
  ),
};
const FROM_ABROAD = [
  'Tran Thi Mai',
  'Le Thi Hoa',
  'Pham Thi Huong',
  'Siti Rahayu',
  'Dewi Lestari',
  'Maria Santos',
  'Ana Reyes',
  'Somchai Kanya',
];

export type Sex = keyof typeof FIRST;

export function pickSurname(random: SeededRandom): Sound {
  return random.pick(SURNAMES);
}

export function pickName(random: SeededRandom, surname: Sound, sex: Sex): GivenName {
  const [first, firstLatin] = random.pick(FIRST[sex]);
  const [second, secondLatin] = random.pick(SECOND[sex]);
  return { text: `${surname[0]}${first}${second}`, latin: `${firstLatin}${secondLatin}.${surname[1]}` };
}

/** Chooses the name of a mother with a resident certificate, in Latin letters. */
export function pickNameFromAbroad(random: SeededRandom): GivenName {
  const text = random.pick(FROM_ABROAD);
  return { text, latin: text.toLowerCase().replaceAll(' ', '.') };
}
