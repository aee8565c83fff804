/** Invented files. The same student always has the same ones, for both guardians and the student. */
import { createHash } from 'node:crypto';

export const DRAWERS = ['course', 'activities', 'other'] as const;
export type Drawer = (typeof DRAWERS)[number];

export interface PortfolioFile {
  /** `course-1`: drawer and number. */
  id: string;
  drawer: Drawer;
  title: string;
  course: string;
  summary: string;
  term: string;
  /** ISO day. */
  uploaded: string;
  sizeKb: number;
  /** Only course work is confirmed by a teacher. */
  verified: boolean;
}

export interface Pupil {
  seat: number;
  surname: string;
  uploaded: number;
  confirmed: number;
}

/** The members of a class that name it are those of an affiliation. */
export interface SchoolClass {
  school_type: string;
  grade: number;
  classno: string;
  classtitle: string;
  pupils: Pupil[];
}

type Sample = readonly [title: string, course: string, summary: string];

const SAMPLES: Readonly<Record<Drawer, readonly Sample[]>> = {
  course: [
    ['校園微氣候觀測報告', '地球科學', '在校園五個地點量測兩週的溫度與濕度，比較樹蔭與水泥地的差別。'],
    ['從市場看物價：一週蔬果價格分析', '數學', '記錄社區市場的價格，以統計圖表說明平均數與離散程度。'],
    ['老街口述歷史訪談', '歷史', '訪問三位店家，整理街區五十年的變化。'],
    ['自製簡易光譜儀', '物理', '用光碟片與紙盒製作光譜儀，觀察不同燈具的光譜。'],
    ['短篇小說創作：最後一班車', '國語文', '以第一人稱完成三千字小說，附寫作歷程與修改紀錄。'],
    ['英語簡報：減少校園食物浪費', '英語文', '調查午餐剩食量，提出三項改善建議並以英語發表。'],
    ['排程小幫手：用程式安排值日生', '資訊科技', '以 Python 撰寫排班程式，說明演算法與測試結果。'],
    ['植物色素的層析分離', '化學', '比較四種葉片的色素組成，討論實驗誤差。'],
    ['社區步道無障礙調查', '地理', '實地測量坡度與路寬，繪製改善建議地圖。'],
  ],
  activities: [
    ['吉他社成果發表會', '社團活動', '擔任活動組，負責場地協調與曲目安排。'],
    ['圖書館志工服務三十小時', '服務學習', '協助書籍上架與兒童說故事活動。'],
    ['區域科學展覽佳作', '競賽', '以水質簡易檢測為題參展，獲得佳作。'],
    ['班級幹部：學藝股長', '幹部經歷', '規劃班級讀書會並整理學習資源。'],
    ['英語檢定中級初試通過', '檢定證照', '準備歷程與讀書計畫紀錄。'],
    ['淨灘與海洋廢棄物分類', '服務學習', '參與三次淨灘，統計廢棄物種類。'],
    ['校際籃球友誼賽', '體育活動', '參加校隊訓練一學期，記錄體能變化。'],
  ],
  other: [
    ['自傳', '個人資料', '介紹成長經驗、興趣與對未來的想像。'],
    ['學習計畫', '個人資料', '高三與大學階段的學習規劃。'],
    ['多元表現綜整心得', '個人資料', '整理三年的活動並寫下反思。'],
  ],
};

const SIZE: Readonly<Record<Drawer, number>> = { course: 4, activities: 3, other: 2 };
const SURNAMES = '林許蔡鄭謝郭洪曾邱廖賴徐葉蘇莊江何羅高蕭潘簡朱鍾彭游詹胡施沈';

/** Returns a number from 0 to `limit` - 1 that depends only on the name. */
function pick(name: string, limit: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % limit;
}

function invent(sub: string, drawer: Drawer, [title, course, summary]: Sample, index: number): PortfolioFile {
  const name = `${sub}/${drawer}/${title}`;
  const month = String(9 + pick(`${name}/month`, 3)).padStart(2, '0');
  const day = String(1 + pick(`${name}/day`, 20)).padStart(2, '0');
  return {
    id: `${drawer}-${index + 1}`,
    drawer,
    title,
    course,
    summary,
    term: '115-1',
    uploaded: `2026-${month}-${day}`,
    sizeKb: 180 + pick(`${name}/size`, 3_800),
    verified: drawer === 'course' && pick(`${name}/verified`, 4) > 0,
  };
}

/** @param sub the `sub` of the student at this client */
export function filesOf(sub: string, drawer: Drawer): PortfolioFile[] {
  return SAMPLES[drawer]
    .map((sample) => ({ sample, order: pick(`${sub}/${drawer}/order/${sample[0]}`, 1_000_000) }))
    .sort((a, b) => a.order - b.order)
    .slice(0, SIZE[drawer])
    .map(({ sample }, index) => invent(sub, drawer, sample, index));
}

/** Returns an invented class of the teacher's school. */
export function classOf(schoolCode: string): SchoolClass {
  const grade = 1 + pick(`${schoolCode}/grade`, 3);
  const classno = `${grade}0${1 + pick(`${schoolCode}/class`, 8)}`;
  const pupils = Array.from({ length: 24 }, (_, index) => {
    const name = `${schoolCode}/${classno}/${index}`;
    const uploaded = pick(`${name}/uploaded`, 7);
    return {
      seat: index + 1,
      surname: SURNAMES.charAt(pick(`${name}/surname`, SURNAMES.length)),
      uploaded,
      confirmed: pick(`${name}/confirmed`, uploaded + 1),
    };
  });
  // The portfolio is for senior high schools.
  return { school_type: 'senior_high', grade, classno, classtitle: `${classno} 班`, pupils };
}
